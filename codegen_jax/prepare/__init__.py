"""From raw text to shards of tokens: filtered, deduplicated, tokenised and shuffled, at any scale."""
