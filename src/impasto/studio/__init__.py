"""The studio: a web page for painting, and a service that other programs can call.

opening                   checks before the studio opens: password, address, folders
server                    the web server: page, health, metrics, limits, orderly shutdown
  ├ connections           closes connections that stall, or that are too many
  ├ guards                refuses requests that lack the password, are too large or too slow, or
  │                       name files that were not uploaded
  └ page                  the page, and what its controls do
      ├ texts             every text of the page, in English and Korean
      ├ controls          the settings of a recipe as components
      └ jobs              a painting in progress: waiting, previews, stopping, resuming
          ├ limits        the limits for one painting
          │   └ work      the number of multiplications that it takes
          └ line          the queue
"""
