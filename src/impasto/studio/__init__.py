"""The studio: a page where a person paints, and a service that others can call.

opening                   what must be right before it opens: password, address, folders
server                    the web server: the page, health, metrics, limits, an orderly end
  ├ connections           connections that are held open by half a request, or are too many
  ├ guards                what comes in without the password, too large, too slow, or naming files
  │                       that are not its own
  └ page                  what a visitor sees, and what happens when they touch it
      ├ texts             every text of it, in English and Korean
      ├ korean            impasto's errors in Korean
      ├ controls          a recipe's settings as components
      └ jobs              a painting being made: waiting, previews, stopping, going on
          ├ limits        what one painting may take
          │   └ work      how many multiplications that is
          └ queue         one painting at a time
"""
