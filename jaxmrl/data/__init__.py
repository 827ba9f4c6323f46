"""Tables, data sets, splits and label scaling: the task data of a run."""
