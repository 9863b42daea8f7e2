"""The studio: a web page for painting, and a service that other programs can call.

::

    opening                   checks before it opens: password, address, folders
    server                    the web server: the page, health, metrics, shutdown
      ├ connections           time limits of connections, and their number
      ├ guards                refuses requests that are too large, too slow or not allowed
      └ page                  the web page: its components, and the functions that they call
          ├ texts             every text of the page, in English and Korean
          ├ controls          the settings of a recipe as components
          └ jobs              a painting: waiting, previews, stopping, resuming
              ├ limits        the limits of one painting
              │   └ work      the work of a painting, in multiplications
              └ queue         one painting at a time, in the order of arrival
"""
