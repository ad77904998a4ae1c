"""Update tasks, training data, images."""
