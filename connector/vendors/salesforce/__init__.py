"""Salesforce: one org through an External Client App of the company's own."""
