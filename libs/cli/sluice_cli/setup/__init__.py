"""`sluice init`: from a few questions to a first sluice.yaml. Proposals are pure, the rest asks, runs and writes."""
