"""Does the paper's claim hold on data that everybody has: does its training loss straighten a retriever?"""
