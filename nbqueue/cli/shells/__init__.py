"""What shells complete behind `nbqueue`, and the scripts that tell them."""
