"""Many photos and many pictures, on the processors of this machine or on a cluster of machines."""
