import unittest

from clock import ManualClock


class ManualClockTest(unittest.TestCase):
    def test_it_stands_still(self):
        clock = ManualClock(5.0)
        self.assertEqual([clock(), clock()], [5.0, 5.0])

    def test_it_moves_both_ways(self):
        clock = ManualClock()
        clock.move(2.5)
        clock.move(-1.0)
        self.assertEqual(clock(), 1.5)


if __name__ == "__main__":
    unittest.main()
