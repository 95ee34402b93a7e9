"""What a download is: pure. Catalogue candidates come in as values; nothing here asks a database or a disk."""
