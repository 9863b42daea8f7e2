"""The studio: a page where a person paints, and a service that others can call.

server                    the web server: the page, health, metrics, limits, an orderly end
  ├ guards                what comes in too large, too slow, or naming files that are not its own
  └ page                  what a visitor sees, and what happens when they touch it
      ├ texts             every text of it, in English and Korean
      ├ korean            impasto's errors in Korean
      ├ controls          a recipe's settings as components
      └ jobs              a painting being made: waiting, previews, stopping, going on
          ├ limits        what one painting may take
          └ line          who waits for whom
"""
