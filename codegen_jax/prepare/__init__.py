"""From raw text to shards of tokens: filtered, deduplicated, tokenised, shuffled."""
