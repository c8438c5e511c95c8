"""`perceptron.fastest`: the answer that other programs ask for."""
