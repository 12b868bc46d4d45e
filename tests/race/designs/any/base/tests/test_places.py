import unittest

from places import store_file


class PlacesTest(unittest.TestCase):
    def test_the_store_is_below_the_home(self):
        self.assertEqual(store_file({"HOME": "/h"}), "/h/.pantry/store")

    def test_a_home_of_its_own_comes_first(self):
        self.assertEqual(store_file({"HOME": "/h", "PANTRY_HOME": "/p"}), "/p/store")


if __name__ == "__main__":
    unittest.main()
