"""The referee: exact, honest distances between samples, and what they prove about a critic."""
