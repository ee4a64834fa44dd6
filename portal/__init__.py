"""The portal: a web application in which people act on what was published. It reads released tables only."""
