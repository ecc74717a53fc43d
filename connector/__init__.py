"""Tasuki: carries leads from marketing to inside sales to field sales."""
