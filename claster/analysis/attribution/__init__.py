"""Which marks, and how far away, a trained model's predictions rest on."""
