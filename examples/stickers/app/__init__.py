"""The stickers application: a page on which a person draws, and a model that learns what the drawings are.

pictures   drawings as they come from strangers: checked before they are decoded
book       every drawing that was taught, on the disk: what the model knows follows from it
pupil      the model: answers, learns, forgets, and says how well
lessons    one change at a time, in the order they came, kept before it is answered
events     what happens, told to every open page
guard      who may ask: host names, origins, the token
routes     what can be asked
server     HTTP: limits, deadlines, a clean end
web/       the page
"""
