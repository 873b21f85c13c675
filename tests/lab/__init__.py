"""The lab on real states: what would be done is what then is done."""
