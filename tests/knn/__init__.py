"""Search, votes and rules of k nearest neighbours."""
