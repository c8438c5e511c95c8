"""How good is `perceptron.fastest`: its picks beside what random shapes take here."""
