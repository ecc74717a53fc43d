"""The language reference: pages in English and Japanese, made from the models that read the YAML."""
