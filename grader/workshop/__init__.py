"""Labs as their authors write them: from one text to nbgrader's notebooks, and the bank that proves the checks."""
