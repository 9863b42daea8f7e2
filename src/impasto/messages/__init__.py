"""Messages: everything that impasto tells a person about an input or a run, as data.

::

    message     a code and its values, and the sentence they make in each language
    en.toml     the English sentences, by code
    ko.toml     the Korean ones
"""
