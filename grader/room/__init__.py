"""The student's room: a workspace, JupyterLab set up for it, and the page that says what to do first."""
