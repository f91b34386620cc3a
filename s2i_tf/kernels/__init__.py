"""What a backend does faster than Keras' own layers, with the same numbers but for rounding.

- `convolutions`: Keras layers that on a processor train by fewer products.
- `winograd`: these products.
- `fused`: what a backend does in one pass where `keras.ops` takes several.
"""
