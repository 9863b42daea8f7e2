"""The studio: a web page for painting, and a service that other programs can call.

opening                   checks before the studio opens: password, address, folders
server                    the web server: page, health, metrics, limits, orderly shutdown
  ├ connections           closes connections that stall, or that are too many
  ├ guards                refuses requests that lack the password, are too large or too slow, or
  │                       name files that were not uploaded
  └ page                  the page: which component does what
      ├ texts             every text of the page, in English and Korean
      ├ inputs            its left side, with controls: the settings of a recipe as components
      ├ outputs           its right side: progress, paintings, downloads
      ├ starting          what its buttons begin
      ├ beforehand        what it shows of the pictures before anyone paints
      ├ service           the service, a hidden part of the page
      └ jobs              the jobs: waiting, painting, stopping, resuming
          ├ job           one of them
          ├ clips         a clip, painted within a job
          ├ painters      a painter, trained within a job, or painting within one
          ├ limits        the limits for one painting
          │   └ work      the number of multiplications that it takes
          └ queue         the queue
"""
