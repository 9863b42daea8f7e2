"""Messages: everything that impasto tells the user about an input or a run, as data.

::

    message     a code and its values, and the sentence that they make in each language
    en.toml     the English sentences, by code
    ko.toml     the Korean ones
"""
