"""Quiz files of other programs: GIFT, Aiken, Moodle XML, QTI."""
