import pathlib
import unittest

import intake

PEOPLE = pathlib.Path(__file__).parent.parent / "samples" / "people.csv"


class IntakeTest(unittest.TestCase):
    def test_bytes_come_as_they_were_sent(self):
        self.assertTrue(intake.read(str(PEOPLE)).startswith(b"\xef\xbb\xbfname,city\r\n"))

    def test_a_file_over_the_bound_is_refused(self):
        with self.assertRaises(ValueError):
            intake.read(str(PEOPLE), most=10)


if __name__ == "__main__":
    unittest.main()
