"""CLASTER: nascent transcription from chromatin tracks and contact maps."""
