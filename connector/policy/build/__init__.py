"""From the models of the files to the compiled `Policy`: references resolved, conditions compiled."""
