"""The theme of the page as CSS: its variables, each with a value for where there is none."""

FONT = (
    "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:var(--jp-ui-font-size1,13px);"
    "color:var(--jp-ui-font-color1,inherit)"
)
MUTED = "color:var(--jp-ui-font-color2,inherit)"
#: colours of a line, and of what a bar fills
LINE = "var(--jp-border-color2,rgba(128,128,128,.35))"
TRACK = "var(--jp-border-color2,rgba(128,128,128,.3))"
