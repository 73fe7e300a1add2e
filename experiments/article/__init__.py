"""The article, executed: seven parts, each with a question, a picture and an answer."""
