"""From characters to ids, batch by batch: cleaning, deduplication, segmentation, stopwords, vocabulary, features and labels."""
