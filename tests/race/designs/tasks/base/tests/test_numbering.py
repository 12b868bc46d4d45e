import unittest

from numbering import Numbering


class NumberingTest(unittest.TestCase):
    def test_numbers_come_in_a_row(self):
        numbers = Numbering()
        self.assertEqual([numbers.next(), numbers.next(), numbers.next()], [1, 2, 3])

    def test_a_restart_begins_with_one(self):
        numbers = Numbering()
        numbers.next()
        numbers.restart()
        self.assertEqual(numbers.next(), 1)


if __name__ == "__main__":
    unittest.main()
