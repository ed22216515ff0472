"""Effects and attributions against what is known: planted rules, CRISPRi screens, treated cells."""
