"""What a trained model answers when chromatin marks are silenced, scaled, moved or transplanted."""
