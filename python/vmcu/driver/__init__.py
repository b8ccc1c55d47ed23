"""From a model file to a program: options, levels, the choice of a plan."""
