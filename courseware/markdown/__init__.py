"""Chapter Markdown to HTML: CommonMark, tables, directives and inline roles.

    ::: name argument        a directive: a block drawn by courseware/directives.py
    caption or body
    :::

    {name argument}          a role: {claim id}, {term id}, {term id|shown words}
    [^name], [^name]: words  a footnote
    [words](slug.md#anchor)  a link to another chapter

Raw HTML and images are off, what Markdown yields goes through nh3, and only then are
the drawings of directives and roles (our own templates) put in their places.
"""
