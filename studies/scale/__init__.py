"""What does a scan of ten million documents take, and are its ranks exact?"""
