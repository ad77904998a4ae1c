"""Other runtimes, and each Core ML network in a form they take.

network.py reads a network into plain steps (NCHW, rank 4 or 2), onnx_form.py and torch_form.py write those down as an
ONNX model and a PyTorch module, ncnn_form.py converts the module with pnnx.  runtimes.py opens them.
"""
