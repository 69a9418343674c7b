"""How strong models are, from votes on pairs: Bradley-Terry, Elo, pairing, and ranks by a paired bootstrap. No I/O."""
