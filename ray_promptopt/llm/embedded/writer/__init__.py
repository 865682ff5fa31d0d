"""`embedded/writer`: reads a reflection, proposal, merge or judging prompt and answers it."""
