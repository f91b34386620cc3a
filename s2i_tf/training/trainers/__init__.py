"""One training step of each kind of model, with Keras alone; the gradients are the backend's."""
