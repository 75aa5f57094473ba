"""Objects in three dimensions and pictures of them: cameras, meshes, rendering, and the files that hold views."""
