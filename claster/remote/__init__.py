"""Files of public archives: resumable, verified downloads."""
