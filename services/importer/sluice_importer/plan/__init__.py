"""What happens with every file of a download: pure, decided and written down before a disk is touched."""
